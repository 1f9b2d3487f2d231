"""Phase 3: a policy that decides what to hold, learned by PPO on cached embeddings."""
