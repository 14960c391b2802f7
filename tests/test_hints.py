"""Each error that beginners meet is provoked for real, and gets its sentence."""

import math

import numpy as np
import pytest
import torch

from hnn_tutorial.check import Chapter, function
from hnn_tutorial.check.hints import _HINTS, hint

X = torch.tensor([[0.3, -0.7], [1.1, 0.2], [0.5, 0.9]], dtype=torch.float64)


def H(x):
    return x.square().sum(-1) / 2


def slope(x):
    """A gradient as other exercises teach it, without create_graph."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(H(x).sum(), x, create_graph=True)


def unmarked(x):
    return torch.autograd.grad(H(x).sum(), x)[0]


def not_summed(x):
    x = x.requires_grad_()
    return torch.autograd.grad(H(x), x)[0]


def func_grad_of_a_batch(x):
    return torch.func.grad(H)(x)


def func_hessian_of_a_vector(x):
    return torch.func.grad(lambda y: y**2)(x[0])


def another_tensor(x):
    y = x.detach().requires_grad_()
    x = x.detach().requires_grad_()
    return torch.autograd.grad(H(y).sum(), x)[0]


def inner_detach(x):
    x = x.detach().requires_grad_()
    (inner,) = slope(x)
    return torch.autograd.grad(inner.sum(), x)[0]


def twice(x):
    x = x.requires_grad_()
    energy = H(x).sum()
    first = torch.autograd.grad(energy, x)[0]
    return first + torch.autograd.grad(energy, x)[0]


def numpy_of_a_graph(x):
    return torch.from_numpy(np.sin(x.requires_grad_().numpy()))


def numpy_function_of_a_graph(x):
    return np.sin(x.requires_grad_())


def in_place_on_a_leaf(x):
    y = torch.zeros(2, requires_grad=True)
    y += 1
    return y


def in_place_in_the_graph(x):
    x = x.requires_grad_()
    y = x.exp()
    y[..., 0] = 0
    return torch.autograd.grad(y.sum(), x)[0]


def branch(x):
    return x if x > 0 else -x


def python_max(x):
    return max(x, 0 * x)


def branch_in_numpy(x):
    return x if x.numpy() > 0 else -x


def float_network(x):
    return torch.nn.Linear(2, 1)(x)


def float_matrix(x):
    return x @ torch.ones(2, 2)


def float_solve(x):
    return torch.linalg.solve(torch.eye(2), x[0])


def matrix_shapes(x):
    return x @ torch.ones(3, 3).double()


def vector_shapes(x):
    return torch.ones(3, 3).double() @ x[0]


def einsum_shapes(x):
    return torch.einsum("ni,ij->nj", x, torch.ones(3, 3).double())


def no_keepdim(x):
    return x * H(x)


def unequal_parts(x):
    return torch.stack([x[..., 0], x[:2, 0]])


def unequal_cat(x):
    return torch.cat([x, x[:2]], dim=-1)


def wrong_reshape(x):
    return x.reshape(4, 2)


def tensor_of_tensors(x):
    return torch.tensor([x[..., 0], x[..., 1]])


def wrong_axis(x):
    return x.sum(dim=2)


def too_many_axes(x):
    return x[0, 0, 0]


def index_of_a_number(x):
    return x[0, 0][0]


def loop_over_a_number(x):
    return [v for v in x[0, 0]]  # noqa: C416


def length_of_a_number(x):
    return len(x[0, 0])


def unpacked_batch(x):
    q, p = x
    return q + p


def math_of_a_tensor(x):
    return math.sin(x)


def float_of_a_tensor(x):
    return float(x)


def torch_of_a_number(x):
    return torch.sin(0.5)


def stack_of_numbers(x):
    return torch.stack([1.0, 2.0])


def tuple_attribute(x):
    return slope(x).sum()


def tuple_sum(x):
    return 0.5 * slope(x)


def tuple_minus(x):
    return x - slope(x)


def tuple_sign(x):
    return -slope(x)


def list_attribute(x):
    return [x, x].sum()


def list_times_a_float(x):
    return 0.5 * [1.0, 2.0]


def number_attribute(x):
    return (0.5).sqrt()


def function_attribute(x):
    return H.sum()


def function_index(x):
    return H[0]


def number_index(x):
    return (0.5)[..., 0]


def array_attribute(x):
    return x.numpy().square()


def gradient_is_none(x):
    return x.grad.clone()


def no_return(x):
    def inner(y):
        y * 2

    return 1 + inner(x)


def none_subscripted(x):
    return x.grad[..., 0]


def no_such_function(x):
    return torch.sine(x)


def unbound(x):
    for _ in range(0):
        total = 0
    return total + x


def undefined(x):
    return x + undefined_name  # noqa: F821


def inner_arguments(x):
    def inner(q, p):
        return q + p

    return inner(x)


def too_many_arguments(x):
    def inner(q):
        return q

    return inner(x, x)


def missing_star(x):
    return 2(x)


def float_index(x):
    return x[1.0]


def tensor_index(x):
    return x[torch.tensor([0.0, 1.0])]


def float_range(x):
    return [i for i in range(len(x) / 2)]  # noqa: C416


def list_float_index(x):
    return list(range(3))[len(x) / 2]


def tensor_as_index(x):
    return [1, 2, 3][x]


def float_slice(x):
    return [1, 2, 3][: len(x) / 2]


def index_range(x):
    return x[..., 2]


def list_range(x):
    return [1, 2][2]


def no_key(x):
    return {"q": 1}["p"]


def by_zero(x):
    return 1 / 0


def negative_root(x):
    return math.sqrt(-1.0)


def dot_of_a_batch(x):
    return torch.dot(x, x)


def inverse_of_a_vector(x):
    return torch.linalg.inv(x[0])


def overflow(x):
    return 10.0**1000


def recursion(x):
    return recursion(x)


def singular(x):
    return torch.linalg.inv(torch.zeros(2, 2).double())


def not_positive(x):
    return torch.linalg.cholesky(-torch.eye(2).double())


def text_and_number(x):
    return "1" + 2


def text_operand(x):
    return 2 - "1"


def no_module(x):
    import no_such_module  # noqa: F401


ERRORS = {
    unmarked: "marked by `requires_grad_()`",
    not_summed: "sum over the batch first",
    func_grad_of_a_batch: "Write the function for one state",
    func_hessian_of_a_vector: "Write the function for one state",
    another_tensor: "Two causes are common",
    inner_detach: "cuts the nest",
    twice: "`create_graph=True` (or `retain_graph=True`)",
    numpy_of_a_graph: "use the torch function of the same name",
    numpy_function_of_a_graph: "use the torch function of the same name",
    in_place_on_a_leaf: "Do not change a tensor in place",
    in_place_in_the_graph: "Do not change a tensor in place",
    branch: "`torch.where(condition, a, b)`",
    python_max: "`torch.maximum`",
    branch_in_numpy: "`torch.where(condition, a, b)`",
    float_network: "Tensors of two precisions meet",
    float_matrix: "Tensors of two precisions meet",
    float_solve: "Tensors of two precisions meet",
    matrix_shapes: "last axis of `A` must be as long",
    vector_shapes: "last axis of `A` must be as long",
    einsum_shapes: "print",
    no_keepdim: "`keepdim=True`",
    unequal_parts: "`torch.cat` joins along an axis that exists",
    unequal_cat: "`torch.cat` joins along an axis that exists",
    wrong_reshape: "keep the number of elements",
    tensor_of_tensors: "`torch.stack([...], dim=-1)`",
    wrong_axis: "fewer axes than this line needs",
    too_many_axes: "fewer axes than this line needs",
    index_of_a_number: "fewer axes than this line needs",
    loop_over_a_number: "without an axis to run over",
    length_of_a_number: "without an axis to run over",
    unpacked_batch: "`q, p = x[..., 0], x[..., 1]`",
    math_of_a_tensor: "use torch's functions",
    float_of_a_tensor: "use torch's functions",
    torch_of_a_number: "use `math` for numbers",
    stack_of_numbers: "use `math` for numbers",
    tuple_attribute: "`(slope,) = ...`",
    tuple_sum: "`(slope,) = ...`",
    tuple_minus: "`(slope,) = ...`",
    tuple_sign: "`(slope,) = ...`",
    list_attribute: "This is a list, not a tensor",
    list_times_a_float: "A list or a tuple is multiplied",
    number_attribute: "This is a plain number, not a tensor",
    function_attribute: "call it first",
    function_index: "call it first",
    number_index: "has no components",
    array_attribute: "This is a NumPy array, not a tensor",
    gradient_is_none: "`.backward()` was not called",
    no_return: "a function without a `return`",
    none_subscripted: "`.backward()` was not called",
    no_such_function: "Check the spelling",
    unbound: "is local in all of it",
    undefined: "This name has no value here",
    inner_arguments: "compare the line with `def`",
    too_many_arguments: "compare the line with `def`",
    missing_star: "A missing `*`",
    float_index: "An index must be an integer",
    tensor_index: "An index must be an integer",
    float_range: "whole number",
    list_float_index: "whole number",
    tensor_as_index: "whole number",
    float_slice: "whole number",
    index_range: "the last entry is `[-1]`",
    list_range: "the last entry is `[-1]`",
    no_key: "The dict has no such key",
    by_zero: "A plain number is divided by zero",
    negative_root: "root or a logarithm of a negative number",
    dot_of_a_batch: "is the scalar product for any batch",
    inverse_of_a_vector: "is the scalar product for any batch",
    overflow: "A number grew too large",
    recursion: "calls itself without end",
    singular: "has no inverse",
    not_positive: "symmetric matrix with positive eigenvalues",
    text_and_number: "print the type of both",
    text_operand: "print the type of both",
    no_module: "what the notebook has imported",
}


def checked(answer):
    check = Chapter("test").exercise(1, "code", "a test")(lambda a: str(function(a, "f(x)")(X)))
    return check(answer)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("answer", ERRORS, ids=lambda answer: answer.__name__)
def test_an_error_gets_its_sentence(answer):
    result = checked(answer)
    assert result.status == "wrong"
    assert "Your code raised `" in result.message
    sentence = result.message.splitlines()[-1]
    assert ERRORS[answer] in sentence, result.message


@pytest.mark.filterwarnings("ignore")
def test_every_sentence_was_provoked():
    told = {checked(answer).message.splitlines()[-1] for answer in ERRORS}
    missing = [words for *_, words in _HINTS if words not in told]
    called = checked(lambda: None).message.splitlines()[-1]
    assert called in [words for *_, words in _HINTS], "a function with too few arguments"
    assert missing == []


def test_an_error_that_speaks_for_itself_gets_no_sentence():
    assert hint(ValueError("this model wants 2 inputs")) == ""
