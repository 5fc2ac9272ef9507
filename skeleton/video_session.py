"""Videos in which objects are followed, in a session that each call goes on with; written for SAM 2."""

import inspect
from typing import Any

import torch
from transformers.testing_utils import torch_device


def session_of(model: Any, batch: dict[str, Any]) -> Any:
    """A session for a video that comes frame by frame.

    In its first one each row of points, with a box where there are some, shows an object; or each row of text asks for
    objects in all of them.
    """
    # Which session a model takes, only its signature says.
    kind: Any = inspect.signature(model.__class__.forward).parameters["inference_session"].annotation
    devices = ("inference_device", "inference_state_device", "video_storage_device")
    session = kind(
        video_height=batch["video"].shape[-2],
        video_width=batch["video"].shape[-1],
        dtype=model.dtype,
        **dict.fromkeys(devices, torch_device),
    )
    if "input_ids" in batch:
        for row in range(len(batch["input_ids"])):
            # A prompt that is there already is not added: the texts must differ, though the words alone are read.
            prompt = session.add_prompt(str(row))
            session.prompt_input_ids[prompt] = batch["input_ids"][row : row + 1]
            session.prompt_attention_masks[prompt] = batch["attention_mask"][row : row + 1]
        return session
    points, labels = batch["input_points"], batch["input_labels"]
    if "input_boxes" in batch:
        # A box is two points of kinds of their own: its corners.
        points = torch.cat([batch["input_boxes"].unflatten(-1, (2, 2)), points], dim=2)
        labels = torch.cat([labels.new_tensor([2, 3]).expand(len(labels), 1, 2), labels], dim=2)
    for row in range(len(points)):
        shown = {"point_coords": points[row : row + 1], "point_labels": labels[row : row + 1]}
        session.add_point_inputs(session.obj_id_to_idx(row + 1), 0, shown)
    session.obj_with_new_inputs = list(session.obj_ids)
    return session


def in_order(outputs: Any) -> dict[str, Any]:
    """The outputs; of one that says something of each object by its number, a row for each, in the order of these."""
    return {
        name: torch.stack([torch.as_tensor(output[number]) for number in outputs["object_ids"]])
        if isinstance(output, dict)
        else output
        for name, output in outputs.items()
    }


def answer(model: Any, batch: dict[str, Any]) -> Any:
    """What the model says of a batch; of a video in a session, what it says of the last frame.

    What was shown in the first frame, and the frames between, it then knows from its memory alone.
    """
    if "video" not in batch:
        return model(**batch)
    # A call changes the session.
    session = session_of(model, batch)
    return in_order([model(inference_session=session, frame=frame) for frame in batch["video"]][-1])
