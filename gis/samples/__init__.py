"""The synthetic subdistrict: a seeded generator of every layer."""
