"""What taxes need that frames alone do not say: memory of issued rows, traffic studies, another engine."""
