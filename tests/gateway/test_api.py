"""Every route answers what /openapi.json says, to whatever schemathesis makes of it, with the key and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from gateway.testing import GatewayUnderTest, request_of

KEY = "0123456789abcdef0123"
ENDLESS = "/v1/stream"

OPERATIONS = [
    *(("/" + path, "post") for path in ("predict", "predict_batch", "v1/halt", "v1/resume")),
    *(("/" + path, "get") for path in ("health", "readyz", "metrics", "v1/models", "v1/features", "v1/series")),
    *(("/" + path, "get") for path in ("v1/system", "v1/scores", "v1/trades")),
    ("/v1/predictions/{symbol}/{timeframe}", "get"),
    ("/v1/candles/{symbol}/{timeframe}", "get"),
]

load_all_checks()
HELD = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
EXAMPLES = {"/predict_batch": 2, "/predict": 6}  # a hundred candles take schemathesis long to make
QUICK = settings(
    max_examples=15,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)


@pytest.fixture(scope="module")
def locked(start: Callable[..., GatewayUnderTest], system: Any, tmp_path_factory: Any) -> GatewayUnderTest:
    file: Path = tmp_path_factory.mktemp("keys") / "api-key"
    file.write_text(KEY)
    return start(system.broker.url, key_file=str(file))


@pytest.fixture(scope="module")
def api(locked: GatewayUnderTest) -> Any:
    document = locked.ask("GET", "/openapi.json", headers={"X-API-Key": KEY})[2]
    return schemathesis.openapi.from_dict(document)


def attack(api: Any, path: str, method: str, judge: Callable[[Any], None]) -> None:
    """Send good and bad cases of one operation."""
    operation = api[path][method]
    for mode in GenerationMode:

        @settings(QUICK, max_examples=EXAMPLES.get(path, QUICK.max_examples))
        @given(operation.as_strategy(generation_mode=mode))
        def run(case: Any) -> None:
            judge(case)

        try:
            run()
        except Unsatisfiable:  # nothing about this operation can be wrong
            assert mode is GenerationMode.NEGATIVE


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_with_the_key_it_answers_as_described(api: Any, locked: GatewayUnderTest, path: str, method: str) -> None:
    def judge(case: Any) -> None:
        response = case.call(base_url=locked.url, headers={"X-API-Key": KEY})
        assert response.status_code != 503
        case.validate_response(response, checks=HELD)

    attack(api, path, method, judge)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_without_the_key_only_probes_are_answered(api: Any, locked: GatewayUnderTest, path: str, method: str) -> None:
    def judge(case: Any) -> None:
        response = case.call(base_url=locked.url, headers={"X-API-Key": "", "Authorization": ""})
        case.validate_response(response, checks=HELD)
        assert (response.status_code == 401) == (path not in {"/health", "/readyz"})

    attack(api, path, method, judge)


@pytest.mark.parametrize(
    ("path", "method", "asked"),
    [
        ("/predict", "post", {"body": request_of(100)}),
        ("/predict_batch", "post", {"body": {"batch": [request_of(100), {}]}}),
        ("/v1/halt", "post", {"body": {"symbol": "NOBODY"}}),
        ("/v1/resume", "post", {"body": {"symbol": "NOBODY"}}),
        ("/v1/predictions/{symbol}/{timeframe}", "get", {"path_parameters": {"symbol": "EURUSD", "timeframe": "M15"}}),
        ("/v1/candles/{symbol}/{timeframe}", "get", {"path_parameters": {"symbol": "EURUSD", "timeframe": "M15"}}),
    ],
)
def test_real_answers_are_as_described(
    api: Any, locked: GatewayUnderTest, path: str, method: str, asked: dict[str, Any]
) -> None:
    case = api[path][method].Case(**asked, media_type="application/json")
    response = case.call(base_url=locked.url, headers={"X-API-Key": KEY})
    assert response.status_code == 200
    case.validate_response(response, checks=HELD)


def test_the_document_is_whole(locked: GatewayUnderTest) -> None:
    document = locked.ask("GET", "/openapi.json", headers={"X-API-Key": KEY})[2]
    told = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert told == {*OPERATIONS, (ENDLESS, "get")}
    known = set(document["components"]["schemas"])
    assert _references(document) <= known
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/PredictRequest"}
    assert "NOT the probability of profit" in str(document["components"]["schemas"]["PredictionDocument"])
    assert "HTTPValidationError" not in known


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].removeprefix("#/components/schemas/")} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(one) for one in node.values()))
    return set().union(*(_references(one) for one in node)) if isinstance(node, list) else set()
