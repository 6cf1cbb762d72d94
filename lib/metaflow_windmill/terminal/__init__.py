"""How a person at a terminal is spoken to; knows neither flows nor Windmill."""

__all__ = ["paste", "python_words", "speech"]
