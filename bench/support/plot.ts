import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Plot } from './part.ts'

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

const WIDTH = 640
const HEIGHT = 400

/** @returns an SVG document */
export function drawPlot({ title, x, y, isLogarithmic = false, lines }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  const type = isLogarithmic ? 'log' as const : 'value' as const
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 'center' },
    legend: { bottom: 0 },
    grid: { left: 64, right: 24, top: 48, bottom: 72 },
    xAxis: { type, name: x, nameLocation: 'middle', nameGap: 28 },
    yAxis: { type, name: y },
    series: lines.map(({ name, points }) => ({ type: 'line' as const, name, data: points.map(([at, value]) => [at, value]) })),
  })
  try {
    return chart.renderToSVGString()
  } finally {
    chart.dispose()
  }
}
