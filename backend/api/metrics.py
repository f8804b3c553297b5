from fastapi import APIRouter, Response

from backend.dependencies import Has, Measured
from observability.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "# TYPE streams_open gauge\nstreams_open 3.0\n"}}}},
)
async def metrics(measured: Measured, has: Has) -> Response:
    for spec, state in (await has.models.breakers()).items():
        measured.breakers.labels(str(spec)).set(state != "closed")
    return Response(measured.exposition(), media_type=CONTENT_TYPE)
