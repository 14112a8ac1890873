/** The Lucide icons the page uses; vite.config.ts builds the sprite from this list. */
export const ICON_NAMES = [
  'arrow-down', 'arrow-right', 'arrow-up', 'ban', 'check', 'chevron-down', 'chevron-left', 'chevron-right', 'chevrons-left',
  'chevrons-right', 'circle-check', 'circle-x', 'columns-3', 'copy', 'download', 'eye-off', 'file-up', 'hourglass', 'info', 'key-round', 'list-filter',
  'lock', 'log-out', 'minus', 'monitor', 'moon', 'pencil', 'play', 'plus', 'refresh-cw', 'rotate-ccw', 'search', 'shield-check', 'sun', 'table-2', 'trash-2',
  'triangle-alert', 'undo-2', 'unplug', 'upload', 'x', 'zap',
] as const

export type IconName = typeof ICON_NAMES[number]
