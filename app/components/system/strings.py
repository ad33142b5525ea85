"""Words of the page of an administrator."""

TITLE = "System"
ABOUT = (
    "What every part of this installation does now. What you do here is written down."
)
TO_PEOPLE = "People"
TO_AUDIT = "Audit"
AWAY = " does not answer, so some of this page is missing."
AT_A_GLANCE = "At a glance"
SINCE = "since "
WORKERS = "Workers"
WORKERS_ABOUT = (
    "Each process does one job at a time; more are started when all are busy."
)
NO_WORKERS = "No worker is alive"
NO_WORKERS_TEXT = "Runs wait until one is. `atelier up` starts them; their logs are in the data folder."
JOBS = "Jobs now"
IDLE = "No job is done right now."
STOP = "Stop"
OF_SOMEBODY = "of "
QUEUES = "Queues"
QUEUE_HEADS = ("Queue", "Waiting", "Oldest", "Failed", "")
NOTHING = "none"
EMPTY_FAILED = "Forget failed"
DEAD = "Dead letters"
DEAD_ABOUT = (
    "Runs that lost as many workers as a run may. Look at the workers' logs first."
)
NO_DEAD = "No run has lost all its attempts."
REQUEUE = "Requeue"
REQUEUE_ALL = "Requeue all"
ATTEMPTS = " attempts, "
STORAGE = "Storage"
STORAGE_ABOUT = "Estimates, twice a minute: counting would read every row."
PRUNE = "Prune checkpoints"
TABLE_HEADS = ("Table", "Rows, about", "Size", "")
