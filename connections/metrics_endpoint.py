"""The one place that serves metrics to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from pipeline_contract.errors import ConfigurationError


@contextmanager
def serve_registry(registry: CollectorRegistry, address: str, port: int, setting: str) -> Iterator[str]:
    """Serve metrics while the block runs, and hand out their URL; port 0 takes a free one, `setting` names the port's."""
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        raise ConfigurationError(
            f"--metrics-port {port} ({setting}): cannot listen on {address}:{port}: {error.strerror}; give another port, or "
            "0 for a free one"
        ) from error
    try:
        yield f"http://{address}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
