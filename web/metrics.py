"""Numbers for Prometheus, in its text format."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.models import Models
from web.stream.streams import Streams
from web.video.shelf import Shelf

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # s


class Metrics:
    """What is counted, of one server."""

    def __init__(self, shelf: Shelf, models: Models, streams: Streams) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "page_requests", "Requests by address, method and status.",
            ("route", "method", "status"), registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "page_request_seconds", "How long requests took.", ("route",), buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self._shelf, self._models, self._streams = shelf, models, streams
        self.registry.register(self)  # pyright: ignore[reportArgumentType]

    def text(self) -> bytes:
        """All numbers, as Prometheus reads them."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What others count: asked for at each look."""
        shelf = self._shelf
        with shelf.lock:
            states = [video.state for video in shelf.videos.values()]
            counts = dict(shelf.counts)
        gauge = GaugeMetricFamily("page_videos", "Videos by state.", labels=["state"])
        for state in ("queued", "decoding", "encoding", "ready", "failed"):
            gauge.add_metric([state], states.count(state))
        yield gauge
        events = CounterMetricFamily("page_uploads", "What became of uploads.", labels=["what"])
        for what, count in counts.items():
            events.add_metric([what], count)
        yield events
        asked = CounterMetricFamily("page_asked", "Questions that were answered.", labels=["run"])
        passes = CounterMetricFamily("page_passes", "Passes of the model.", labels=["run"])
        for name, run in self._models.questions.items():
            asked.add_metric([name], run.batcher.requests)
            passes.add_metric([name], run.batcher.passes)
        yield asked
        yield passes
        frames = CounterMetricFamily(
            "page_stream_frames", "Frames that streams looked at.", labels=["run"]
        )
        for name, count in self._streams.frames.items():
            frames.add_metric([name], count)
        yield frames
        yield GaugeMetricFamily(
            "page_streams", "Streams that are followed now.", value=self._streams.working
        )


class Counted:
    """Counts and times every request, by its route's pattern: ids would be endless labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begin, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - begin)
        return None


METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
