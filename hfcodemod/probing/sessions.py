"""Classes whose call goes on with a session: it holds a video and what is shown in it, and each call changes it.

What a session is made of stands in its place among the parameters; how it is made, and that several frames are run,
says the fragment of the skeleton.
"""

from __future__ import annotations

from collections.abc import Mapping

SESSION = "inference_session"
VIDEO = "video"
FRAGMENT = "video_session"
"""The fragment of the skeleton that makes sessions."""
SHOWN = ("input_points", "input_labels", "input_boxes")
"""What shows an object in the first frame: each row one."""
ASKED = ("input_ids", "attention_mask")
"""What asks for objects in all frames: each row one kind of object."""
FRAMES = 3
"""One in which the objects are shown, one that is remembered, and one that is answered."""


def opened(parameters: dict[str, bool], kind: object = None) -> dict[str, bool]:
    """The parameters, in the place of a session what it is made of: all of it, since nothing else is said.

    ``kind`` is the class of the session: one that takes prompts is asked in words, in any other objects are shown.
    """
    said = ASKED if hasattr(kind, "add_prompt") else SHOWN
    return dict.fromkeys((VIDEO, *said), True) if SESSION in parameters else parameters


def in_session(inputs: Mapping[str, object]) -> bool:
    """Whether the inputs are those of a session."""
    return VIDEO in inputs
