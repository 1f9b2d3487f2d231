"""Words that name columns in exports, in many languages, as ``header.normal`` spells them."""

WORDS: dict[str, tuple[str, ...]] = {
    role: tuple(dict.fromkeys(words.split()))
    for role, words in {
        "open": """
            open o opening openprice priceopen 1open first start otwarcie eroffnung eroffn eroffnungskurs anfang
            ouverture ouv apertura abertura откр открытие acilis opening aanvang 始値 开盘 开盘价 開盤 開盤價 开
            시가 오픈 oppning apning abre midopen openmid mido bidopen openbid bido askopen openask asko entry
        """,
        "high": """
            high h highprice pricehigh max 2high highest najwyzszy maks hoch hochst tageshoch plushaut haut
            maximo maxima massimo макс максимум yuksek hoog 高値 最高 最高价 最高價 高 고가 hogst hogsta hoy
            alto midhigh highmid midh bidhigh highbid bidh askhigh highask askh
        """,
        "low": """
            low l lowprice pricelow min 3low lowest najnizszy tief tiefst tagestief plusbas bas minimo minima
            мин минимум dusuk laag 安値 最低 最低价 最低價 低 저가 lagst lagsta lav baixo midlow lowmid midl
            bidlow lowbid bidl asklow lowask askl
        """,
        "close": """
            close c closeprice priceclose 4close closing closingprice settle zamkniecie schluss schlusskurs
            cloture fermeture clot chiusura cierre fechamento закр закрытие kapanis slot slotkoers 終値 收盘
            收盘价 收盤 收盤價 收 종가 stangning slutt last closelast lastprice end zuletzt dernier ultimo
            ostatnio simdi laatste senaste siste цена price midclose closemid midc bidclose closebid bidc
            askclose closeask askc
        """,
        "volume": """
            tickvol tickvolume volume vol v 5volume volumebase basevolume tickvolumes tickqty shares totalvolume
            numberofshares umsatzstuck umsatzinstuck volumetraded tradedvolume tradevolume noofshares sharestraded turnover_qty qty quantity totalqty
            tradedqty totaltradequantity totaltradedquantity ttltrdqnty wolumen wol volumen umsatz stuck stuecke
            anzahl объем об hacim hac volym volum 出来高 交易量 成交量 成交股數 거래량 amount bidvolume
            volumebid bidv size ticks totalticks tickcount quantidade cantidad
        """,
        "real_volume": """
            realvolume realvol vol
        """,
        "spread": """
            spread
        """,
        "date": """
            date day tradedate dtyyyymmdd yyyymmdd dateutc dategmt datum data fecha дата tarih 日付 日付け 日期
            날짜 dato tradingday businessdate sessiondate
        """,
        "clock": """
            time hour timeutc timegmt hhmmss hhmm timeofday clock время uhrzeit zeit heure hora ora saat godzina
            czas tijd 時刻 时间 時間 timestamp
        """,
        "moment": """
            timeperiodstart periodstart barstart candlestart starttime startsat startat start begin opentime
            timeopen openat openedat windowstart unix timestamp timestamps ts tms epoch unixtimestamp unixtime
            datetime datetimeutc t gmttime time date timestamputc openutc opentimems bartime utctime utc
            periodstartunix candlebegintime dateandtime datetimestamp eventtime snapshottimeutc snapshottime
            index ticks dates createdat kdate datumzeit localtime дата datum data fecha
        """,
        "symbol": """
            ticker symbol pair instrument tic sym contract market code asset secid
        """,
    }.items()
}
"""Role -> words, the surest first. ``clock`` is a time of day beside a date, ``moment`` a stamp that stands alone."""

CLOSING = frozenset(
    [
        "closetime",
        "timeclose",
        "endtime",
        "closetimems",
        "end",
        "timeperiodend",
        "periodend",
        "barend",
        "closeat",
        "closedat",
        "closeutc",
        "windowend",
        "timeend",
    ]
)
"""Names of the time at which candles close."""
