"""A disk that can be watched, cut off and made to fail: for the batteries of power loss and of failing writes."""
