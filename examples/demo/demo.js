const $ = id => document.getElementById(id)
const api = '/api/v1/auth/sessions'
const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

async function call (path, { method = 'GET', body } = {}) {
  const response = await fetch(path, { method, headers: body === undefined ? {} : { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw Object.assign(new Error(answer.message), answer)
  return answer
}

const post = (path, body = {}) => call(path, { method: 'POST', body })

async function act (action, said) {
  try {
    await action()
    $('status').textContent = said
  } catch (error) {
    $('status').textContent = error.message
  }
  await show()
}

function row ({ id, device, current, ip, lastSeenAt, remembered }) {
  const item = document.createElement('li')
  const text = document.createElement('div')
  const minutes = Math.round((new Date(lastSeenAt) - Date.now()) / 60_000)
  const small = document.createElement('small')
  text.textContent = current ? `${device} · This device` : device
  small.textContent = [ip, minutes === 0 ? 'active now' : ago.format(minutes, 'minute'), remembered && 'stays signed in'].filter(Boolean).join(' · ')
  text.append(small)
  const button = document.createElement('button')
  button.textContent = 'Sign out'
  button.addEventListener('click', () => act(() => post(`${api}/revoke`, { id }), 'Signed out.'))
  item.append(text, button)
  return item
}

async function show () {
  const me = await call('/me').catch(() => null)
  $('login').hidden = me !== null
  $('account').hidden = me === null
  if (me === null) return
  $('user').textContent = me.userId
  const { sessions } = await call(api)
  $('devices').replaceChildren(...sessions.map(row))
}

$('login').addEventListener('submit', event => {
  event.preventDefault()
  const form = new FormData(event.target)
  act(() => post('/login', { name: form.get('name'), password: form.get('password'), remember: form.has('remember') }), 'Signed in.')
})
$('logout').addEventListener('click', () => act(() => post(`${api}/logout`), 'Signed out.'))
$('others').addEventListener('click', () => act(() => post(`${api}/revoke`, { scope: 'others' }), 'Signed out of all other devices.'))
await show()
