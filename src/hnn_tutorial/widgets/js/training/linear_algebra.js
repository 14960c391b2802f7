// A symmetric positive definite system of a few hundred unknowns. Matrices are flat, row by row, and
// only their lower triangle is used. All inner loops run along rows, which is along memory.

/** Add JᵀJ to the lower triangle of A, for four rows of J at once (each element of A is then loaded
 * and stored a quarter as often). */
export function addFourRows(A, J, size, first) {
  const p0 = first * size;
  const p1 = p0 + size;
  const p2 = p1 + size;
  const p3 = p2 + size;
  for (let i = 0; i < size; i++) {
    const c0 = J[p0 + i];
    const c1 = J[p1 + i];
    const c2 = J[p2 + i];
    const c3 = J[p3 + i];
    for (let j = 0, a = i * size; j <= i; j++, a++) A[a] += c0 * J[p0 + j] + c1 * J[p1 + j] + c2 * J[p2 + j] + c3 * J[p3 + j];
  }
}

/** Replace the lower triangle of A by its Cholesky factor L, A = L Lᵀ; false if there is none. */
export function* cholesky(A, size) {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    for (let j = 0; j <= i; j++) {
      const other = j * size;
      // Four sums, so that no addition waits for the one before.
      let s0 = A[row + j];
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let k = 0;
      for (; k + 3 < j; k += 4) {
        s0 -= A[row + k] * A[other + k];
        s1 -= A[row + k + 1] * A[other + k + 1];
        s2 -= A[row + k + 2] * A[other + k + 2];
        s3 -= A[row + k + 3] * A[other + k + 3];
      }
      for (; k < j; k++) s0 -= A[row + k] * A[other + k];
      const sum = s0 + s1 + (s2 + s3);
      if (i > j) A[row + j] = sum / A[other + j];
      else if (sum > 0 && sum < Infinity) A[row + j] = Math.sqrt(sum);
      else return false;
    }
    yield;
  }
  return true;
}

/** Solve L Lᵀ x = b; b becomes x. */
export function choleskySolve(L, size, b) {
  for (let i = 0; i < size; i++) {
    const row = i * size;
    let sum = b[i];
    for (let j = 0; j < i; j++) sum -= L[row + j] * b[j];
    b[i] = sum / L[row + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    b[i] /= L[row + i];
    for (let j = 0; j < i; j++) b[j] -= L[row + j] * b[i];
  }
}
