"""Run folders: write, open and compare trained models and their reports."""

from utsushi.runs.anomalies import Detection, anomaly_report
from utsushi.runs.captioned_figures import CaptionedFigure, can_be_drawn, captioned_figures
from utsushi.runs.comparison import comparison_tables, write_comparison, write_comparison_page
from utsushi.runs.folder import (
    FILM,
    FRAMES,
    Run,
    RunSpec,
    begin_run,
    check_free,
    check_model_name,
    new_run,
    open_run,
    resume_or_begin,
    resume_run,
    write_config,
    write_history,
    write_models,
)
from utsushi.runs.tables import tables_of
from utsushi.runs.write import (
    living_payload,
    pictures_of,
    write_figures,
    write_report,
    write_run,
)

__all__ = [
    "FILM",
    "FRAMES",
    "CaptionedFigure",
    "Detection",
    "Run",
    "RunSpec",
    "anomaly_report",
    "begin_run",
    "can_be_drawn",
    "captioned_figures",
    "check_free",
    "check_model_name",
    "comparison_tables",
    "living_payload",
    "new_run",
    "open_run",
    "pictures_of",
    "resume_or_begin",
    "resume_run",
    "tables_of",
    "write_comparison",
    "write_comparison_page",
    "write_config",
    "write_figures",
    "write_history",
    "write_models",
    "write_report",
    "write_run",
]
