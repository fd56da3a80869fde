"""Write every board anew."""

import json
from pathlib import Path

from tools.boards import cost, istio, storefront
from tools.boards.layout import Board, document

TARGET = Path(__file__).resolve().parents[2] / "k8s/addons/grafana/boards"
BOARDS = (
    istio.MESH,
    istio.SERVICE,
    istio.WORKLOAD,
    cost.CONTROL_PLANE,
    cost.PERFORMANCE,
    storefront.STOREFRONT,
)


def written(board: Board) -> str:
    """Return a board's file."""
    return json.dumps(document(board), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every board anew."""
    for board in BOARDS:
        (TARGET / f"{board.uid}.json").write_text(written(board), encoding="utf-8")


if __name__ == "__main__":
    main()
