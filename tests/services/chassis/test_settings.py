import pytest

from services.catalog.settings import Settings as CatalogSettings
from services.chassis.settings import BAD_SETTINGS, ServiceSettings, load
from services.webapp.settings import Settings as WebappSettings
from tests.services.processes import run_to_end


@pytest.mark.parametrize(
    ("kind", "variable", "value"),
    [
        (CatalogSettings, "PORT", "http"),
        (CatalogSettings, "PORT", "65536"),
        (CatalogSettings, "SHOW_IMAGE", "maybe"),
        (CatalogSettings, "MAX_ITEMS", "3"),
        (CatalogSettings, "FAULT_SEED", "x"),
        (CatalogSettings, "LOG_LEVEL", "loud"),
        (CatalogSettings, "DRAIN_SECONDS", "0"),
        (CatalogSettings, "DRAIN_SECONDS", "nan"),
        (CatalogSettings, "OTEL_SDK_DISABLED", "perhaps"),
        (CatalogSettings, "OTEL_PROPAGATORS", "tracecontext,nonsense"),
        (CatalogSettings, "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        (CatalogSettings, "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        (CatalogSettings, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        (CatalogSettings, "OTEL_TRACES_SAMPLER", "xray"),
        (CatalogSettings, "OTEL_TRACES_SAMPLER_ARG", "2"),
        (CatalogSettings, "OTEL_METRICS_EXPORTER", "prometheus"),
        (CatalogSettings, "OTEL_LOGS_EXPORTER", "otlp"),
        (WebappSettings, "CATALOG_SERVICE_PORT", "tcp://10.0.0.1:80"),
        (WebappSettings, "CATALOG_SERVICE_HOST", "http://catalog/"),
        (WebappSettings, "FORUM_SERVICE_PORT", "0"),
        (WebappSettings, "READ_TIMEOUT_SECONDS", "-1"),
    ],
)
def test_a_bad_value_ends_the_process_with_one_line_that_names_it(
    kind: type[ServiceSettings],
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as end:
        load(kind, "service")
    assert end.value.code == BAD_SETTINGS
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{variable}={value!r}: " in line


@pytest.mark.parametrize("known", ["b3multi", "tracecontext, baggage,b3", "none"])
def test_every_propagator_that_is_installed_may_be_named(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PROPAGATORS", known)
    assert load(CatalogSettings, "catalog").otel_propagators == known


def test_an_unknown_propagator_is_named_beside_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_PROPAGATORS", "tracecontext, nonsense")
    with pytest.raises(SystemExit):
        load(CatalogSettings, "catalog")
    assert "no propagator 'nonsense'; known are b3, b3multi, baggage, none, tracecontext" in capsys.readouterr().err


def test_several_bad_values_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("SHOW_IMAGE", "y\nz")
    with pytest.raises(SystemExit):
        load(CatalogSettings, "catalog")
    (line,) = capsys.readouterr().err.splitlines()
    assert "PORT='x'" in line
    assert r"SHOW_IMAGE='y\nz'" in line


@pytest.mark.process
def test_a_real_process_shows_no_traceback_even_where_importing_a_library_would_make_one() -> None:
    ended = run_to_end("catalog", OTEL_PROPAGATORS="nonsense")
    assert ended.returncode == BAD_SETTINGS
    assert ended.stderr.count("\n") == 1
    assert "OTEL_PROPAGATORS" in ended.stderr


def test_variables_that_kubernetes_makes_of_a_service_called_catalog_do_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CATALOG_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("CATALOG_PORT_80_TCP", "tcp://10.0.0.1:80")
    monkeypatch.setenv("WEBAPP_PORT", "tcp://10.0.0.2:80")
    assert load(WebappSettings, "webapp").catalog_url == "http://localhost:3000"
    assert load(CatalogSettings, "catalog").port == 3000


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOW_IMAGE", "")
    assert load(CatalogSettings, "catalog").show_image is False


def test_the_originals_names_say_where_catalog_and_forum_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_SERVICE_HOST", "catalog.istioinaction")
    monkeypatch.setenv("CATALOG_SERVICE_PORT", "80")
    monkeypatch.setenv("FORUM_SERVICE_HOST", "::1")
    monkeypatch.setenv("FORUM_SERVICE_PORT", "81")
    settings = load(WebappSettings, "webapp")
    assert (settings.catalog_url, settings.forum_url) == ("http://catalog.istioinaction:80", "http://[::1]:81")


@pytest.mark.parametrize("level", ["warning", "WARNING", "Warning"])
def test_a_log_level_may_be_written_in_either_case(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    assert load(CatalogSettings, "catalog").log_level == "warning"
