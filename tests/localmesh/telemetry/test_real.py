from pathlib import Path

import pytest
import yaml

from localmesh.telemetry.real import command, configuration


def test_the_real_one_scrapes_the_one_page_and_believes_its_labels() -> None:
    (job,) = yaml.safe_load(configuration("127.0.0.1:4000"))["scrape_configs"]
    assert job == {"job_name": "mesh", "honor_labels": True, "static_configs": [{"targets": ["127.0.0.1:4000"]}]}


@pytest.mark.parametrize("name", ["prometheus", "victoria-metrics", "victoria-metrics-prod"])
def test_each_is_told_where_to_listen_and_what_to_scrape_in_its_own_words(name: str) -> None:
    words = " ".join(command(Path("/opt", name), "127.0.0.1:9090"))
    assert words.startswith(f"/opt/{name} ")
    assert "127.0.0.1:9090" in words
    assert "prometheus.yml" in words
