"""The GPU: devices, streams, events, memory and graphs."""
