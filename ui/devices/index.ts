import { SessionDevices, SessionTimeout } from './element.ts'

customElements.define('session-devices', SessionDevices)
customElements.define('session-timeout', SessionTimeout)
