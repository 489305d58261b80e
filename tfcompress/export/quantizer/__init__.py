"""Float files quantized with ai-edge-quantizer."""
