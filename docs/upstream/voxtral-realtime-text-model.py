"""AutoModel names a class for this configuration that transformers does not export."""

from transformers import AutoModel, VoxtralRealtimeTextConfig

try:
    AutoModel.from_config(VoxtralRealtimeTextConfig(num_hidden_layers=1))
except (AttributeError, ValueError) as error:
    assert "VoxtralRealtimeTextModel" in str(error), error
else:
    raise AssertionError("mended")
