from fastapi import APIRouter, Response

from backend.dependencies import MetricsDep, ResourcesDep
from observability.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    summary="Get Prometheus metrics",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/plain": {"example": "# TYPE agenkit_sse_connections gauge\nagenkit_sse_connections 3.0\n"}
            }
        }
    },
)
async def get_metrics(metrics: MetricsDep, resources: ResourcesDep) -> Response:
    for spec, state in (await resources.models.breakers()).items():
        metrics.breakers.labels(str(spec)).set(state != "closed")
    return Response(metrics.exposition(), media_type=CONTENT_TYPE)
