// Drawn behind the candles: shading where high volatility is likely, and the regime as a ribbon under the price.

const RIBBON_PX = 7;

export class Bands {
  #colours = {};
  #points = []; // [{time, regime, volatile}], ascending

  attached({ chart, requestUpdate }) {
    this.chart = chart;
    this.redraw = requestUpdate;
  }

  detached() {
    this.chart = null;
  }

  paint(points, colours) {
    this.#points = points;
    this.#colours = colours;
    this.redraw?.();
  }

  updateAllViews() {}

  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.#draw(target) }) }];
  }

  #draw(target) {
    if (!this.chart) return;
    const scale = this.chart.timeScale();
    const spacing = scale.options().barSpacing;
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio: hx, verticalPixelRatio: vy }) => {
      const ribbon = Math.round(RIBBON_PX * vy);
      for (const point of this.#points) {
        const x = scale.timeToCoordinate(point.time);
        if (x === null || x < -spacing || x * hx > bitmapSize.width + spacing * hx) continue;
        const left = Math.round((x - spacing / 2) * hx);
        const width = Math.round((x + spacing / 2) * hx) - left;
        if (point.volatile) {
          context.fillStyle = this.#colours.shade;
          context.fillRect(left, 0, width, bitmapSize.height - ribbon);
        }
        context.fillStyle = this.#colours[point.regime];
        context.fillRect(left, bitmapSize.height - ribbon, width, ribbon);
      }
    });
  }
}
