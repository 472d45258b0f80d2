"""The workers of an instrument that share a job database: who lives, who follows the log, whose turn it is."""
