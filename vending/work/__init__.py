"""Work at meters: orders for somebody with a torch, and the signed files that go where there is no network (rules.md 35)."""
