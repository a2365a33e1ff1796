"""The product of a [2, 3] and a [3, 2] matrix, entry by entry."""

import torch
from common import begin, show

begin("matrix_product")
a = torch.tensor([[1, 2, 3], [4, 5, 6]])
b = torch.tensor([[7, 8], [9, 10], [11, 12]])
product = a @ b
for i in range(2):
    for j in range(2):
        terms = " + ".join(f"{a[i, k]} * {b[k, j]}" for k in range(3))
        print(f"row {i}, column {j}: {terms} = {product[i, j]}")
print("the product, shape", *product.shape)
print(show(product))
print("the other way round, shape", *(b @ a).shape)
print(show(b @ a))
