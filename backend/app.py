from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from backend.api import (
    agents,
    artifacts,
    chat,
    health,
    legacy,
    memories,
    metrics,
    models,
    page,
    reviews,
    runs,
    schedules,
    shares,
    threads,
    traces,
    zip_export,
)
from backend.errors import install_errors
from backend.resources import open_resources
from backend.runs.schedules import run_schedules
from backend.security.body import BodyGuard
from backend.security.requests import RequestLog
from backend.settings import Settings
from observability.metrics import Metrics

VERSION = "0.1.0"


class Service(FastAPI):
    """FastAPI, with the record of requests outside everything: an answer to an unforeseen error has its id too."""

    metrics_registry: Metrics

    def build_middleware_stack(self) -> ASGIApp:
        return RequestLog(super().build_middleware_stack(), self.metrics_registry)


def create_app(settings: Settings) -> FastAPI:
    """The service. It opens nothing until it is started."""
    process_metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(settings, process_metrics) as resources, run_schedules(resources):
            app.state.resources = resources
            yield

    app = Service(
        title="Agenkit",
        version=VERSION,
        summary="Agents over AG-UI.",
        lifespan=lifespan,
        # Ours, served by `page`: FastAPI's own come from a CDN.
        # Readable in generated clients: `list_threads`, not the path again.
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
    )
    app.metrics_registry = process_metrics
    app.state.metrics = process_metrics
    app.state.warned = {}

    app.include_router(chat.router)
    app.include_router(runs.router)
    app.include_router(zip_export.router)
    app.include_router(threads.router)
    app.include_router(artifacts.router)
    app.include_router(shares.router)
    app.include_router(memories.router)
    app.include_router(reviews.router)
    app.include_router(traces.router)
    app.include_router(schedules.router)
    app.include_router(agents.router)
    app.include_router(models.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(legacy.router)
    app.include_router(page.router)

    install_errors(app)

    app.add_middleware(BodyGuard, limit=settings.server.request_max_bytes)
    if settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.server.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Accept", "Authorization", "Content-Type", "If-Match", "Last-Event-ID", "X-Request-ID"],
            expose_headers=["ETag", "X-Request-ID", "Retry-After"],
        )
    return app
