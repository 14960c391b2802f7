"""What the errors of Python and PyTorch mean that beginners meet, in a sentence each.

A sentence stands under the error that a learner's code raised. It says what the error means and
what to look at. Where an error has two common causes, both are named.
"""

from __future__ import annotations

import re


def hint(error: BaseException, source: str = "") -> str:
    """Say what an error usually means.

    Args:
        error: The exception.
        source: The line of the learner's code that raised it.

    Returns:
        A sentence or two for the learner; empty if the error speaks for itself.
    """
    kind, text = type(error).__name__, str(error)
    for kinds, pattern, words in _HINTS:
        if (not kinds or kind in kinds.split()) and re.search(pattern, text):
            return words
    return ""


# Kinds of error ("" for all), a pattern in its message, and what it means; the first one counts.
_HINTS: tuple[tuple[str, str, str], ...] = (
    (
        "",
        r"grad can be implicitly created only for scalar",
        "Autograd differentiates one number: sum over the batch first, as in `H(x).sum()`. The "
        "states do not mix, so each keeps its own gradient.",
    ),
    (
        "",
        r"Expected f\(\*args\) to return a (scalar|tensor with 1 element)|to return a scalar|"
        r"output.*must be a scalar",
        "`torch.func.grad` and `hessian` differentiate a function that returns one number, with "
        "shape (). Write the function for one state and add `torch.func.vmap` for a batch, or sum "
        "over the batch inside.",
    ),
    (
        "",
        r"does not require grad",
        "The result is not connected to what it is differentiated by. Is the input marked by "
        "`requires_grad_()`, and is everything between the two computed by torch, without "
        "`.detach()`, `.item()`, `.data` or NumPy?",
    ),
    (
        "",
        r"appears to not have been used in the graph",
        "There is no path from this value to the tensor that it is differentiated by. Two causes "
        "are common: the function was evaluated at another tensor (use the very same variable in "
        "both places), or a `.detach()` inside it cuts the graph. In nested derivatives it is "
        "often the inner `x.detach().requires_grad_()` that cuts the nest.",
    ),
    (
        "",
        r"backward through the graph a second time",
        "One graph is used twice: pass `create_graph=True` (or `retain_graph=True`) the first "
        "time.",
    ),
    (
        "",
        r"Can't call numpy\(\) on Tensor that requires grad",
        "NumPy cannot record gradients: use the torch function of the same name.",
    ),
    (
        "",
        r"leaf Variable that requires grad.*in-place|one of the variables needed for gradient|"
        r"in-place operation",
        "Do not change a tensor in place where gradients are needed (`x += ...`, `x[0] = ...`, a "
        "method ending in `_`): build a new one, as in `x = x + ...`.",
    ),
    (
        "",
        r"Boolean value of Tensor with more than one value is ambiguous|"
        r"truth value of an array with more than one element",
        "`if`, `while`, `and`, `or`, `not`, `max` and `min` of Python take one truth value, and "
        "this tensor has many. Use `torch.where(condition, a, b)`, `&`, `|`, `torch.maximum`, or "
        "add `.all()` or `.any()`.",
    ),
    (
        "",
        r"expected scalar type \w+ but found \w+|expected m1 and m2 to have the same dtype|"
        r"have the same dtype|same dtype, but got",
        "Tensors of two precisions meet here. The checks pass float64 (Double); a tensor or a "
        "network made without a dtype is float32 (Float). Make it with `dtype=x.dtype`, or "
        "convert it by `.to(x)`.",
    ),
    (
        "",
        r"mat1 and mat2 shapes cannot be multiplied|size mismatch, got|"
        r"Expected size for first two dimensions of batch2|inconsistent tensor size",
        "In a matrix product `A @ B`, the last axis of `A` must be as long as the second last of "
        "`B`. Print both shapes. States stand in the rows, so a matrix acts as `x @ A.mT`.",
    ),
    (
        "",
        r"must match the size of tensor|must match the existing size|"
        r"could not be broadcast|shape mismatch|does not broadcast",
        "Two shapes do not fit together: print them. A sum over the last axis needs "
        "`keepdim=True` if it is to multiply a vector; components are indexed with `x[..., 0]`.",
    ),
    (
        "",
        r"stack expects each tensor to be equal size|Sizes of tensors must match except in dim",
        "The parts to be put together have different shapes: print them. `torch.stack` makes a "
        "new axis and wants equal shapes; `torch.cat` joins along an axis that exists.",
    ),
    (
        "",
        r"shape '.*' is invalid for input of size|cannot be reshaped|cannot reshape",
        "`reshape` and `view` keep the number of elements: print the shape before. `-1` in place "
        "of one length lets torch work it out.",
    ),
    (
        "",
        r"too many indices|Dimension out of range|invalid index of a 0-dim tensor|"
        r"slice\(\) cannot be applied to a 0-dim tensor",
        "The tensor has fewer axes than this line needs. The batch axes are free, there may be "
        "none: index the last axis with `x[..., 0]`, and sum over it with `.sum(dim=-1)`.",
    ),
    (
        "",
        r"iteration over a 0-d|len\(\) of a 0-d tensor",
        "This tensor is a single number, without an axis to run over. The batch axes are free, "
        "there may be none: write for whole tensors, without a loop over the states.",
    ),
    (
        "",
        r"values to unpack",
        "A tensor unpacks along its first axis, which is the batch: write "
        "`q, p = x[..., 0], x[..., 1]`.",
    ),
    (
        "TypeError",
        r"only integer tensors of a single element can be converted to an index|"
        r"slice indices must be integers|cannot be interpreted as an integer|"
        r"indices must be integers|'float' object cannot be interpreted",
        "An index, a length or a count must be a whole number: use `//` in place of `/`, "
        "`int(...)`, or `range(len(...))`.",
    ),
    (
        "",
        r"converted to|only length-1 arrays|must be real number, not Tensor",
        "`torch.tensor([...])`, `float(...)` and the functions of `math` take plain numbers, and "
        "cut the graph: use torch's functions, and put tensors together by "
        "`torch.stack([...], dim=-1)`.",
    ),
    (
        "TypeError",
        r"(\w+\(\): argument '\w+' .*must be Tensor, not (float|int))|"
        r"expected Tensor as element 0 in argument 0, but got (float|int)",
        "torch's functions take tensors, and this is a plain Python number: use `math` for "
        "numbers, or make a tensor of it by `torch.as_tensor(value, dtype=x.dtype)`.",
    ),
    (
        "AttributeError",
        r"'tuple' object has no attribute",
        "This is a tuple, not a tensor. `torch.autograd.grad` returns a tuple even for one tensor: "
        "take `[0]`, or write `(slope,) = ...`. Functions that return two things, such as "
        "`torch.func.jvp` and `max(dim=...)`, do so too.",
    ),
    (
        "TypeError",
        r"can't multiply sequence by non-int",
        "A list or a tuple is multiplied here, not a tensor. `torch.autograd.grad` returns a tuple "
        "even for one tensor: take `[0]`, or write `(slope,) = ...`. Parts are put together by "
        "`torch.stack([...], dim=-1)`.",
    ),
    (
        "TypeError",
        r"\btuple\b",
        "One of the values here is a tuple. `torch.autograd.grad` returns a tuple even for one "
        "tensor: take `[0]`, or write `(slope,) = ...`. Also look for a comma at the end of a "
        "line: `a = b,` makes a tuple.",
    ),
    (
        "AttributeError",
        r"'list' object has no attribute",
        "This is a list, not a tensor: put its parts together by `torch.stack([...], dim=-1)`.",
    ),
    (
        "AttributeError TypeError",
        r"'(function|method|builtin_function_or_method)' object (has no attribute|is not subscr)",
        "This is a function, not one of its values: call it first, as in `f(x)`.",
    ),
    (
        "TypeError",
        r"'(float|int)' object is not (subscriptable|iterable)",
        "This is a plain number and has no components. Are the arguments in the right order?",
    ),
    (
        "AttributeError",
        r"'(float|int)' object has no attribute",
        "This is a plain number, not a tensor: `math.sqrt(k)` or `k**0.5` in place of `k.sqrt()`.",
    ),
    (
        "AttributeError",
        r"'numpy\.\w+' object has no attribute",
        "This is a NumPy array, not a tensor: `torch.as_tensor(...)` makes one of it.",
    ),
    (
        "AttributeError TypeError",
        r"NoneType",
        "Something here is None. Three causes are common: a function without a `return`; "
        "`x.grad` where `.backward()` was not called, or where `x` was not marked by "
        "`requires_grad_()` before; the result of a method that returns nothing, such as "
        "`list.append` or `list.sort`.",
    ),
    (
        "AttributeError",
        r"module '(torch|math|numpy)[\w.]*' has no attribute",
        "There is no function of this name here. Check the spelling, and whether it belongs to "
        "another module: `torch`, `torch.linalg`, `torch.func`, `math`.",
    ),
    (
        "UnboundLocalError",
        r"",
        "A name that is assigned anywhere in a function is local in all of it, so its value from "
        "outside is not seen here. Assign it before this line in every branch, or use another "
        "name.",
    ),
    (
        "NameError",
        r"",
        "This name has no value here: is it spelled as above, is its cell run, and is it an "
        "argument of the function or assigned before this line?",
    ),
    (
        "TypeError",
        r"missing \d+ required positional argument|takes (from )?\d+ .*positional argument|"
        r"takes no arguments|got an unexpected keyword|got multiple values for argument",
        "The function takes other arguments than it is called with: compare the line with `def` "
        "with the call.",
    ),
    (
        "TypeError",
        r"object is not callable",
        "Something that is not a function is called like one. A missing `*` between two brackets "
        "does this, and so does a name that was used twice.",
    ),
    (
        "IndexError",
        r"tensors used as indices must be|only integers, slices",
        "An index must be an integer, a slice or a tensor of integers or truth values: convert "
        "it by `int(...)` or `.long()`, and use `//` in place of `/` in a computed index.",
    ),
    (
        "IndexError",
        r"out of range|out of bounds",
        "An axis is shorter than the index asks for. The first axis has the index 0, the last "
        "entry is `[-1]`; the components of a state are on the last axis, `x[..., 0]`.",
    ),
    (
        "KeyError",
        r"",
        "The dict has no such key: print its keys with `list(name)`. Numbers and strings are "
        'different keys, `1` and `"1"`.',
    ),
    (
        "ZeroDivisionError",
        r"",
        "A plain number is divided by zero: print the divisor. Tensors give infinity instead.",
    ),
    (
        "ValueError",
        r"math domain error|expected a positive input",
        "`math` refuses a root or a logarithm of a negative number: print what goes into it.",
    ),
    (
        "OverflowError",
        r"",
        "A number grew too large. A step that is too long, or a wrong sign in a loop, does this.",
    ),
    (
        "RecursionError",
        r"",
        "The function calls itself without end. Is it called by its own name inside, where "
        "another function was meant?",
    ),
    (
        "RuntimeError",
        r"must have at least 2 dimensions|1D tensors expected|must be a 3D tensor|"
        r"must be batches of square matrices",
        "This function takes vectors or square matrices on the last axes: print the shape of what "
        "goes into it. `unsqueeze(-1)` makes a column of a vector, and `(a * b).sum(dim=-1)` is "
        "the scalar product for any batch.",
    ),
    (
        "LinAlgError _LinAlgError",
        r"positive-definite|positive definite",
        "A Cholesky factor exists only for a symmetric matrix with positive eigenvalues: print "
        "`torch.linalg.eigvalsh(...)` of it.",
    ),
    (
        "LinAlgError _LinAlgError",
        r"singular|did not converge",
        "The matrix has no inverse here: look for a row of zeros, or for two equal rows.",
    ),
    (
        "TypeError",
        r"unsupported operand type|can only concatenate|bad operand type",
        "The two values cannot be combined by this operator: print the type of both.",
    ),
    (
        "ModuleNotFoundError ImportError",
        r"",
        "Write the solution with what the notebook has imported: torch, and for numbers `math`.",
    ),
)
