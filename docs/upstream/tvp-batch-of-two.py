"""TvpModel views the embeddings of columns as one copy for each row of the batch, so it takes no batch of two."""

import torch
from transformers import ResNetConfig, TvpConfig, TvpModel

backbone = ResNetConfig(
    embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic", out_features=["stage2"]
)
sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 8}
prompt = {"num_frames": 1, "max_img_size": 32, "visual_prompt_size": 8}
model = TvpModel(TvpConfig(backbone_config=backbone, **sizes, **prompt)).eval()
model(torch.ones(1, 3, dtype=torch.long), torch.zeros(1, 1, 3, 32, 32))
try:
    model(torch.ones(2, 3, dtype=torch.long), torch.zeros(2, 1, 3, 32, 32))
except RuntimeError as error:
    assert "is invalid for input of size" in str(error), error
else:
    raise AssertionError("mended")
