"""Jobs through a product on three servers and three sentinels, whose primary is ended again and again."""
