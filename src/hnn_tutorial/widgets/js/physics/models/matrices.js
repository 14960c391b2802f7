// Small square matrices, as arrays of rows.

/** Solve A x = b by elimination with row pivots (A and b are used up). */
export function solve(A, b) {
  const n = b.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(A[i][k]) > Math.abs(A[best][k])) best = i;
    [A[k], A[best], b[k], b[best]] = [A[best], A[k], b[best], b[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = A[i][k] / A[k][k];
      for (let j = k; j < n; j++) A[i][j] -= factor * A[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) b[i] -= A[i][j] * b[j];
    b[i] /= A[i][i];
  }
  return b;
}

/** Makes n(n+1)/2 numbers a lower triangular matrix with a positive diagonal (by softplus). */
export class CholeskyFactor {
  constructor(n) {
    this.n = n;
  }

  matrix(entries) {
    return this.#place((at, diagonal) => (diagonal ? Math.max(entries[at], 0) + Math.log1p(Math.exp(-Math.abs(entries[at]))) : entries[at]));
  }

  /** How the matrix changes when the entries change by `tangent`. */
  tangent(entries, tangent) {
    return this.#place((at, diagonal) => (diagonal ? tangent[at] / (1 + Math.exp(-entries[at])) : tangent[at]));
  }

  #place(value) {
    const rows = Array.from({ length: this.n }, () => new Array(this.n).fill(0));
    for (let i = 0, at = 0; i < this.n; i++) {
      for (let j = 0; j <= i; j++) rows[i][j] = value(at++, i === j);
    }
    return rows;
  }
}
