"""The live labs: widgets that compute in the browser, with a kernel or without one.

A lab is an anywidget whose front end is one ES module, joined from the small files in ``js/``
when its class is defined. The same module runs in JupyterLab, in Colab and in the static book.
"""

from hnn_tutorial.widgets.learned_lab import LearnedLab

__all__ = ["LearnedLab"]
