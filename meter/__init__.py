"""The meter: twin, keypad, building simulator, serial line and drivers."""
