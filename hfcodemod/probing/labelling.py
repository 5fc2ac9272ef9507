"""What trains a class: candidates for its labels, by its parameters, its tasks and the shapes of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hfcodemod.architecture import Head

Labels = dict[str, Mapping[str, Any]]


def label_candidates(
    head: Head,
    parameters: Mapping[str, bool],
    shapes: Mapping[str, tuple[int, ...]],
    classes: int,
    image: tuple[int, int, int],
) -> Iterator[Labels]:
    """The labels to try, the likeliest first; nothing where the class takes none."""
    shape = next(iter(shapes.get(name) for name in ("logits", "prediction_logits", "scores") if name in shapes), None)
    if shape is None:
        shape = next(iter(shapes.values()), ())
    tasks = set(head.tasks)
    if "start_positions" in parameters:
        # Of a place behind the end no loss is told; the text of a decoder is short.
        starts, ends = ([3, 4], [5, 6]) if len(shape) < 2 or shape[1] > 6 else ([1, 2], [3, 4])
        yield {"start_positions": {"tensor": starts}, "end_positions": {"tensor": ends}}
    if "next_sentence_label" in parameters:
        yield {"labels": {"integers": list(shape[:2]), "below": 100}, "next_sentence_label": {"tensor": [0, 1]}}
    if "sentence_order_label" in parameters:
        yield {"labels": {"integers": list(shape[:2]), "below": 100}, "sentence_order_label": {"tensor": [0, 1]}}
    if "mask_labels" in parameters and "class_labels" in parameters:
        _, height, width = image
        yield {
            "mask_labels": {"integers": [2, 1, height, width], "below": 2, "method": "float"},
            "class_labels": {"tensor": [[0], [1]]},
        }
    if "return_loss" in parameters:
        yield {"return_loss": {"value": True}}
    if "sampled_negative_indices" in parameters and len(shape) == 3:
        # What is masked is told from what lies elsewhere in the batch.
        length = shape[1]
        masked = [[place % 2 == 0 for place in range(length)], [place % 3 == 0 for place in range(length)]]
        negatives = {"integers": [2, length, 4], "below": 2 * length}
        yield {"mask_time_indices": {"tensor": masked}, "sampled_negative_indices": negatives}
    if "target_values" in parameters:
        if "time_series_classification" in tasks:
            yield {"target_values": {"tensor": [0, 1]}}
        yield {"target_values": {"noise": list(shape)}}
    if "future_values" in parameters:
        if "time_series_prediction" in tasks:
            yield {"future_values": {"noise": list(shapes.get("mean_predictions", shape))}}
        return
    if "labels" not in parameters:
        return
    if "pred_boxes" in shapes and "pred_masks" in shapes:
        yield {"labels": {"list": objects(image)}}
    if "object_detection" in tasks or "pred_boxes" in shapes:
        yield {"labels": {"list": objects()}}
    if "pose_estimation" in tasks:
        yield {"labels": {"noise": list(shape)}}
    if "semantic_segmentation" in tasks or "depth_estimation" in tasks:
        _, height, width = image
        yield {"labels": {"integers": [2, height, width], "below": classes}}
    if tasks & {"ctc", "rnnt", "tdt"}:
        yield {"labels": {"integers": [2, 3], "below": 20}}
    if "audio_frame_classification" in tasks and len(shape) == 3:
        yield {"labels": {"integers": list(shape), "below": 2}}
    if len(shape) == 2:
        yield {"labels": {"tensor": [0, 1]}}
        yield {"labels": {"integers": list(shape), "below": 2}}  # a yes or no for each word
    if len(shape) >= 3:
        yield {"labels": {"integers": list(shape[:2]), "below": min(100, shape[-1])}}
        yield {"labels": {"integers": list(shape[:3]), "below": 2}}
    yield {"labels": {"tensor": [0, 1]}}
    yield {"labels": {"tensor": [[0.5], [1.5]]}}
    yield {"labels": {"integers": [2, 5], "below": 100}}


def objects(image: tuple[int, int, int] | None = None) -> list[dict[str, Mapping[str, Any]]]:
    """For each of two images an object, of another class and in another place; its mask too, where images are given."""
    found = []
    for label, box in enumerate(([0.5, 0.5, 0.2, 0.2], [0.3, 0.6, 0.4, 0.2])):
        row: dict[str, Mapping[str, Any]] = {"class_labels": {"tensor": [label]}, "boxes": {"tensor": [box]}}
        if image is not None:
            row["masks"] = {"integers": [1, *image[1:]], "below": 2, "method": "float"}
        found.append(row)
    return found
