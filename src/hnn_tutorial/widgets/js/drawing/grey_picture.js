// A small picture of grey values, drawn as large as there is room, between two colours of the theme.

const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

export class GreyPicture {
  constructor(height, width) {
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(width, height);
  }

  /** Put values from 0, the colour of the paper, to 1, that of the ink, into a square of the surface. */
  draw(g, values, { surface, ink }, left, top, side) {
    const [paper, dark] = [channels(surface), channels(ink)];
    const { data } = this.image;
    for (let i = 0; i < values.length; i++) {
      const share = Math.min(1, Math.max(0, values[i]));
      for (let c = 0; c < 3; c++) data[4 * i + c] = paper[c] + share * (dark[c] - paper[c]);
      data[4 * i + 3] = 255;
    }
    this.context.putImageData(this.image, 0, 0);
    g.imageSmoothingEnabled = false;
    const scale = side / Math.max(this.canvas.width, this.canvas.height);
    const [width, height] = [scale * this.canvas.width, scale * this.canvas.height];
    g.drawImage(this.canvas, left + (side - width) / 2, top + (side - height) / 2, width, height);
  }
}
