import { readFileSync } from 'node:fs'
import { defineConfig, type Plugin } from 'vite'
import { ICON_NAMES } from './scripts/shared/icon-names.ts'

const server = 'http://127.0.0.1:8989'

/** Puts the icons the page uses into index.html as one sprite, in place of `<!-- icons -->`. */
function iconSprite(): Plugin {
  const symbols = ICON_NAMES.map((name) => {
    const svg = readFileSync(new URL(`../node_modules/lucide-static/icons/${name}.svg`, import.meta.url), 'utf8')
    const shapes = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1] ?? ''
    return `<symbol id="i-${name}" viewBox="0 0 24 24">${shapes.split('\n').map((line) => line.trim()).join('')}</symbol>`
  })
  return {
    name: 'icon-sprite',
    transformIndexHtml: (html) => html.replace('<!-- icons -->', `<!-- Lucide icons, ISC licence -->\n<svg hidden>${symbols.join('')}</svg>`),
  }
}

export default defineConfig({
  plugins: [iconSprite()],
  build: {
    // Older than these lack light-dark(); they get the hex theme, which lowering would break.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // The page's policy allows fonts and images from this server only, so nothing becomes a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: true,
  },
  server: {
    proxy: {
      // The name and port that the browser asked for stay in Host: the server compares them with the page's origin.
      '/api': { target: server, changeOrigin: false },
      '/socket.io': { target: server, ws: true, changeOrigin: false },
    },
  },
})
