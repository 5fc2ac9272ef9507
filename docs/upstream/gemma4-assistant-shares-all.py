"""All layers of an assistant must share their keys, and its language model asks for layers that do not."""

from transformers import Gemma4AssistantConfig, Gemma4AssistantForCausalLM, Gemma4TextConfig

text = Gemma4TextConfig(hidden_size_per_layer_input=0, vocab_size_per_layer_input=0, num_kv_shared_layers=30)
try:
    Gemma4AssistantForCausalLM(Gemma4AssistantConfig(text_config=text))
except ValueError as error:
    assert "layer types producing a cache" in str(error), error
else:
    raise AssertionError("mended")
