"""What the processes that outlive the controller share with it. Standard library only: they start without the rest."""
