"""AutoModelForDecision takes the configuration of a language model, and its class asks for one that holds one."""

from transformers import AutoModelForDecision, Qwen2Config

config = Qwen2Config(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
try:
    AutoModelForDecision.from_config(config)
except AttributeError as error:
    assert "text_config" in str(error)
else:
    raise AssertionError("mended")
