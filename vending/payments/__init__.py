"""Money coming in: tenders at the desk, later gateways behind one port."""
