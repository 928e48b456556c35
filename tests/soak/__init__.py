"""Many jobs through a product whose workers are killed and whose Redis restarts: is anything lost, or done twice?"""
