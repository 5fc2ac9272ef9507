"""JevForDecision reads the width off the outer configuration, where architectures of text and images have none."""

from transformers import AutoModelForDecision, Qwen3_5Config

config = Qwen3_5Config(text_config={"hidden_size": 16, "num_hidden_layers": 1, "vocab_size": 8})
try:
    AutoModelForDecision.from_config(config)
except AttributeError as error:
    assert "hidden_size" in str(error), error
else:
    raise AssertionError("mended")
