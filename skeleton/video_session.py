"""Videos in which objects are followed, in a session that each call goes on with; written for SAM 2."""

import inspect
from typing import Any
from unittest.mock import create_autospec, patch

import pytest
import torch
from transformers import PreTrainedModel
from transformers.testing_utils import torch_device

from .any_inputs import HEADS, Head, compared, on_device
from .canonical import MODEL_ID, load


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


def run(model: Any, head: Head, **changes: Any) -> dict[str, torch.Tensor]:
    """The outputs that ``head`` names, computed without gradients; ``changes`` replace inputs."""
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = answer(model, on_device({**head.inputs, **changes}, model.dtype))
    return compared(outputs, head)


class TestSam2Video:
    @pytest.mark.parametrize("cls", HEADS)
    def test_model_with_mock(self, cls: type[PreTrainedModel]) -> None:
        """The calls of this module against the signatures of the model, for machines without its weights."""
        signature = inspect.signature(cls.forward)

        def forward(**batch: Any) -> dict[str, torch.Tensor]:
            # `forward` takes any keyword; only those that it names do something.
            assert batch.keys() <= signature.parameters.keys()
            signature.bind(None, **batch)
            return {name: torch.zeros(shape) for name, shape in HEADS[cls].outputs.items()}

        model = create_autospec(cls, instance=True, side_effect=forward, dtype=torch.float32)
        model.to.return_value = model.eval.return_value = model
        with patch.object(cls, "from_pretrained", autospec=True, return_value=model) as from_pretrained:
            loaded = load(cls, MODEL_ID, dtype=torch.float32)
        from_pretrained.assert_called_once_with(MODEL_ID, dtype=torch.float32)
        model.to.assert_called_once_with(torch_device)
        model.eval.assert_called_once_with()
        answer(loaded, on_device({**HEADS[cls].inputs, **HEADS[cls].labels}, torch.float32))
        with pytest.raises(AssertionError):
            loaded(**HEADS[cls].inputs, no_such_input=None)
