"""NemotronH_Omni_Reasoning_V3 fails on any video: it joins one tensor as if it were several."""

import torch
from transformers import NemotronH_Omni_Reasoning_V3, NemotronH_Omni_Reasoning_V3_Config

vision = {"model_type": "radio", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
vision |= {"patch_size": 8, "image_size": 16, "max_img_size": 16, "video_temporal_patch_size": 2}
text = {"model_type": "nemotron_h", "vocab_size": 8, "hidden_size": 16, "layers_block_type": ["mlp"]}
model = NemotronH_Omni_Reasoning_V3(
    NemotronH_Omni_Reasoning_V3_Config(vision_config=vision, text_config=text, vision_hidden_size=16, image_token_id=7)
)
try:
    model(input_ids=torch.tensor([[1, 7, 2]]), pixel_values_videos=torch.randn(2, 3, 16, 16))
except TypeError as error:
    assert "must be tuple of Tensors, not Tensor" in str(error), error
else:
    raise AssertionError("mended")
