/** Tells of an import's end while its tab is in the background, by the system's notifications. Asked for only on a click. */

/** Whether it makes sense to offer them: there are some, and nobody has decided yet. Plain HTTP from elsewhere has none. */
export const canAskForNotifications = (): boolean => 'Notification' in window && isSecureContext && Notification.permission === 'default'

/** @returns whether they are allowed now */
export const askForNotifications = async (): Promise<boolean> => await Notification.requestPermission() === 'granted'

/** Shows one, where that is allowed; pressing it brings the tab to the front. @param id of the import: one each */
export function notify(id: string, title: string, body: string, pressed: () => void): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return
  try {
    const notification = new Notification(title, { body, tag: id, icon: '/mark.svg' })
    notification.onclick = () => {
      notification.close()
      window.focus()
      pressed()
    }
  } catch {
    // Browsers of phones have the class and refuse the constructor; the title tells it there.
  }
}
