"""One file or folder per outside service: gateways, channels, building systems, exports."""
