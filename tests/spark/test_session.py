"""The session that the tests share is configured as setup.cfg says."""

from __future__ import annotations

from configparser import ConfigParser

from pyspark.sql import SparkSession

# What a transform's answer or a firewall depends on.
NEEDED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


def test_the_session_has_the_options_of_setup_cfg(spark_session: SparkSession) -> None:
    parser = ConfigParser(delimiters=["="])
    parser.read("setup.cfg", encoding="utf-8")
    lines = parser["tool:pytest"]["spark_options"].strip().splitlines()
    wanted = dict(line.split(": ", 1) for line in lines)

    found = {name: spark_session.conf.get(name) for name in wanted}

    assert found == wanted
    assert wanted == wanted | NEEDED
