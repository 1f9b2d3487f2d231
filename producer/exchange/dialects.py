"""Protocols of real exchanges, spoken by the local one: addresses, requests, answers and frames as published."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Row = tuple[float, ...]  # t, o, h, l, c, v
_QUOTE = "USDT"


class Dialect(Protocol):
    """How one exchange says what all of them say. Markets are called BTCUSDT here, however it spells them."""

    id: str  # ccxt's
    info_path: str
    page_paths: tuple[str, ...]
    stream_path: str

    def options(self, port: int) -> dict[str, Any]:
        """For ccxt's constructor: a local port in the exchange's place."""
        ...

    def info(self, markets: Sequence[str]) -> Any:
        """Answer the question which markets there are."""
        ...

    def asked(self, query: Mapping[str, str]) -> tuple[str, int, int]:
        """Market, first open time and number of the candles that a request for a page asks for."""
        ...

    def page(self, market: str, rows: Sequence[Row], width_ms: int) -> Any:
        """Answer it; ``rows`` ascend, and the last one may be unfinished."""
        ...

    def heard(self, text: str) -> tuple[set[str], list[str]]:
        """Markets that a client's frame subscribes to, and the frames that answer it."""
        ...

    def candle(self, market: str, row: Row, width_ms: int, *, final: bool) -> str:
        """The frame that says how a candle of one minute stands."""
        ...


class Binance:
    """Spot: https://developers.binance.com/docs/binance-spot-api-docs."""

    id = "binance"
    info_path = "/api/v3/exchangeInfo"
    page_paths: tuple[str, ...] = ("/api/v3/klines",)
    stream_path = "/ws/{number}"

    def options(self, port: int) -> dict[str, Any]:
        rest, stream = f"http://127.0.0.1:{port}/api/v3", f"ws://127.0.0.1:{port}/ws"
        return {
            "urls": {"api": {"public": rest, "private": rest, "ws": {"spot": stream}}},
            "options": {"fetchMarkets": {"types": ["spot"]}, "ws": {"cost": 1}},
            "rateLimit": 1,
        }

    def info(self, markets: Sequence[str]) -> Any:
        return {"timezone": "UTC", "symbols": [self._symbol(market) for market in markets]}

    def _symbol(self, market: str) -> dict[str, Any]:
        base = market.removesuffix(_QUOTE)
        price = {"minPrice": "0.00000001", "maxPrice": "1000000", "tickSize": "0.00000001"}
        lots = {"minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
        return {
            "symbol": market, "status": "TRADING", "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": _QUOTE,
            "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "icebergAllowed": True,
            "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "permissions": ["SPOT"],
            "permissionSets": [["SPOT"]],
            "filters": [{"filterType": "PRICE_FILTER", **price}, {"filterType": "LOT_SIZE", **lots}],
        }  # fmt: skip

    def asked(self, query: Mapping[str, str]) -> tuple[str, int, int]:
        return query["symbol"], int(query.get("startTime", 0)), int(query.get("limit", 500))

    def page(self, market: str, rows: Sequence[Row], width_ms: int) -> Any:  # noqa: ARG002 - as its siblings
        return [[int(row[0]), *_texts(row[1:]), int(row[0]) + width_ms - 1, "0", 1, "0", "0", "0"] for row in rows]

    def heard(self, text: str) -> tuple[set[str], list[str]]:
        asked = json.loads(text)
        markets = {name.partition("@")[0].upper() for name in asked["params"]}
        return markets, [json.dumps({"result": None, "id": asked["id"]})]

    def candle(self, market: str, row: Row, width_ms: int, *, final: bool) -> str:
        t = int(row[0])
        k = {"t": t, "T": t + width_ms - 1, "s": market, "i": "1m", "x": final}
        k |= dict(zip("ohlcv", _texts(row[1:]), strict=True))
        return json.dumps({"e": "kline", "E": t + width_ms // 2, "s": market, "k": k})


class Bybit:
    """Spot of version 5: https://bybit-exchange.github.io/docs/v5."""

    id = "bybit"
    info_path = "/v5/market/instruments-info"
    page_paths: tuple[str, ...] = ("/v5/market/kline",)
    stream_path = "/v5/public/spot"

    def options(self, port: int) -> dict[str, Any]:
        rest, stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}{self.stream_path}"
        return {
            "urls": {"api": {"public": rest, "private": rest, "ws": {"public": {"spot": stream}}}},
            "options": {"fetchMarkets": {"types": ["spot"]}, "ws": {"cost": 1}},
            "rateLimit": 1,
        }

    def info(self, markets: Sequence[str]) -> Any:
        lots = {"basePrecision": "0.00001", "quotePrecision": "0.00000001", "minOrderQty": "0.00001"}
        lots |= {"maxOrderQty": "9000", "minOrderAmt": "1", "maxOrderAmt": "2000000"}
        return self._answer(
            [
                {
                    "symbol": market, "baseCoin": market.removesuffix(_QUOTE), "quoteCoin": _QUOTE, "innovation": "0",
                    "status": "Trading", "marginTrading": "none", "lotSizeFilter": lots,
                    "priceFilter": {"tickSize": "0.00000001"},
                }
                for market in markets
            ],
        )  # fmt: skip

    def _answer(self, found: list[Any], **more: str) -> dict[str, Any]:
        result = {"category": "spot", "list": found, **more}
        return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 0}

    def asked(self, query: Mapping[str, str]) -> tuple[str, int, int]:
        return query["symbol"], int(query.get("start", 0)), int(query.get("limit", 200))

    def page(self, market: str, rows: Sequence[Row], width_ms: int) -> Any:  # noqa: ARG002
        newest_first = [[str(int(row[0])), *_texts(row[1:]), "0"] for row in reversed(rows)]
        return self._answer(newest_first, symbol=market)

    def heard(self, text: str) -> tuple[set[str], list[str]]:
        asked = json.loads(text)
        answer = {"success": True, "ret_msg": asked["op"], "conn_id": "local", "req_id": asked.get("req_id", "")}
        if asked["op"] == "ping":
            return set(), [json.dumps(answer | {"ret_msg": "pong", "op": "ping"})]
        return {topic.split(".")[2] for topic in asked["args"]}, [json.dumps(answer | {"op": asked["op"]})]

    def candle(self, market: str, row: Row, width_ms: int, *, final: bool) -> str:
        t = int(row[0])
        values = dict(zip(("open", "high", "low", "close", "volume"), _texts(row[1:]), strict=True))
        k = {"start": t, "end": t + width_ms - 1, "interval": "1", **values, "turnover": "0", "confirm": final}
        now = t + width_ms // 2
        data = [k | {"timestamp": now}]
        return json.dumps({"topic": f"kline.1.{market}", "data": data, "ts": now, "type": "snapshot"})


class Okx:
    """Spot of version 5: https://www.okx.com/docs-v5."""

    id = "okx"
    info_path = "/api/v5/public/instruments"
    page_paths: tuple[str, ...] = ("/api/v5/market/candles", "/api/v5/market/history-candles")
    stream_path = "/ws/v5/business"

    def options(self, port: int) -> dict[str, Any]:
        return {
            "urls": {"api": {"rest": f"http://127.0.0.1:{port}", "ws": f"ws://127.0.0.1:{port}/ws/v5"}},
            "options": {"fetchMarkets": {"types": ["spot"]}, "ws": {"cost": 1}},
            "rateLimit": 1,
        }

    def _spelled(self, market: str) -> str:
        return f"{market.removesuffix(_QUOTE)}-{_QUOTE}"

    def info(self, markets: Sequence[str]) -> Any:
        return self._answer(
            [
                {
                    "instType": "SPOT", "instId": self._spelled(market), "baseCcy": market.removesuffix(_QUOTE),
                    "quoteCcy": _QUOTE, "settleCcy": "", "ctVal": "", "ctMult": "", "ctValCcy": "", "optType": "",
                    "stk": "", "listTime": "1500000000000", "expTime": "", "lever": "", "tickSz": "0.00000001",
                    "lotSz": "0.00001", "minSz": "0.00001", "ctType": "", "alias": "", "state": "live",
                }
                for market in markets
            ]
        )  # fmt: skip

    def _answer(self, found: list[Any]) -> dict[str, Any]:
        return {"code": "0", "msg": "", "data": found}

    def asked(self, query: Mapping[str, str]) -> tuple[str, int, int]:
        return query["instId"].replace("-", ""), int(query.get("before", -1)) + 1, int(query.get("limit", 100))

    def page(self, market: str, rows: Sequence[Row], width_ms: int) -> Any:  # noqa: ARG002
        return self._answer([self._row(row, final=True) for row in reversed(rows)])

    def _row(self, row: Row, *, final: bool) -> list[str]:
        return [str(int(row[0])), *_texts(row[1:]), "0", "0", "1" if final else "0"]

    def heard(self, text: str) -> tuple[set[str], list[str]]:
        if text == "ping":
            return set(), ["pong"]
        args = json.loads(text)["args"]
        answers = [json.dumps({"event": "subscribe", "arg": one, "connId": "local"}) for one in args]
        return {one["instId"].replace("-", "") for one in args}, answers

    def candle(self, market: str, row: Row, width_ms: int, *, final: bool) -> str:  # noqa: ARG002
        arg = {"channel": "candle1m", "instId": self._spelled(market)}
        return json.dumps({"arg": arg, "data": [self._row(row, final=final)]})


def _texts(values: Sequence[float]) -> list[str]:
    return [repr(value) for value in values]
