import { describe, expect, it } from 'vitest'
import { callFrom } from './harness.ts'
import { app, audience, converse, dana, field, listen, open, page, said, spoken, tab } from './scene.ts'

describe('UI-70 the caret', () => {
  it('stays where one writes, in the middle of a text too', async () => {
    await field().fill('Hello world')
    for (let moves = 0; moves < 'world'.length; moves += 1) await field().press('ArrowLeft')
    await field().pressSequentially('big ')
    expect(await field().inputValue()).toBe('Hello big world')
    await field().fill('')
  })
})

describe('UI-71 the audience', () => {
  it('stays a note after sending, after answering a note, and after being elsewhere', async () => {
    await tab(/note/i).click()
    await field().fill('for us only')
    await field().press('Enter')
    await said('for us only').waitFor()
    expect(await audience()).toBe('team')
    await open('sails')
    expect(await audience()).toBe('everyone')
    await open('rudders')
    expect(await audience()).toBe('team')

    await tab(/reply/i).click()
    await said('for us only').hover()
    await said('for us only').getByRole('button', { name: 'Reply' }).click()
    expect(await audience()).toBe('team')
    await field().fill('an answer to a note')
    await field().press('Enter')
    await said('an answer to a note').waitFor()
    expect(await audience()).toBe('team')
    await page.reload()
    await said('an answer to a note').waitFor()
    expect(await audience()).toBe('team')
    await tab(/reply/i).click()
    expect(await audience()).toBe('everyone')
  })
})

describe('UI-61 an edited text', () => {
  const editor = () => page.getByRole('textbox', { name: 'Edit message' })
  const edit = async (text: string) => {
    await said(text).last().focus()
    await page.keyboard.press('e')
    await editor().waitFor()
  }

  it('is there again after a refusal, after another message was not deleted, and after being elsewhere', async () => {
    for (const text of ['first draft', 'another one']) {
      await field().fill(text)
      await field().press('Enter')
      await said(text).and(page.locator('[data-status="sent"], [data-status="delivered"]')).waitFor()
    }
    await page.route('**/api/messaging/messages/*', (route) => route.abort())
    await edit('first draft')
    await editor().fill('second, much better')
    await editor().press('Enter')
    await page.getByText('Edit did not work').first().waitFor()
    await page.unroute('**/api/messaging/messages/*')
    await edit('first draft')
    expect(await editor().inputValue()).toBe('second, much better')

    await said('another one').hover()
    await said('another one').getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    expect(await editor().inputValue()).toBe('second, much better')

    await open('sails')
    await open('rudders')
    await edit('first draft')
    expect(await editor().inputValue()).toBe('second, much better')
    await editor().press('Enter')
    await said('second, much better').waitFor()
    await edit('second, much better')
    expect(await editor().inputValue()).toBe('second, much better')
    await editor().press('Escape')
    await editor().waitFor({ state: 'detached' })
  })

  it('is shown while it is not saved, and can be opened again or given up', async () => {
    const unsaved = page.getByTestId('unsaved-edit')
    await page.route('**/api/messaging/messages/*', (route) => route.abort())
    await edit('another one')
    await editor().fill('another two')
    await editor().press('Enter')
    await unsaved.getByText('another two').waitFor()
    await page.unroute('**/api/messaging/messages/*')
    await page.reload()
    await unsaved.getByRole('button', { name: 'Edit' }).click()
    expect(await editor().inputValue()).toBe('another two')
    await editor().press('Escape')
    await page.getByRole('button', { name: 'Go on editing' }).click()
    await expect.poll(() => editor().evaluate((field) => field === document.activeElement)).toBe(true)
    await editor().press('Escape')
    await page.getByRole('button', { name: 'Discard' }).click()
    await editor().waitFor({ state: 'detached' })
    expect([await unsaved.count(), await page.getByText('Edit did not work').count()]).toEqual([0, 0])
    expect(await said('another one').count()).toBe(1)
  })

  it('is given back when somebody else deletes the message meanwhile', async () => {
    const id = await converse('deleted meanwhile')
    const body = { clientKey: 'dana-says-something', text: 'something of mine' }
    const path = `/api/messaging/conversations/${id}/messages`
    const { message } = await callFrom<{ message: { id: string } }>(dana, 'POST', path, body)
    await dana.goto(`${app.url}/c/${id}`)
    await dana.getByTestId('message').filter({ hasText: 'something of mine' }).waitFor()
    await dana.getByTestId('message-input').press('ArrowUp')
    const open = dana.getByRole('textbox', { name: 'Edit message' })
    await open.fill('something better of mine')
    await callFrom(page, 'DELETE', `/api/messaging/messages/${message.id}`)
    await dana.getByText('Removed by a moderator').waitFor()
    await dana.getByTestId('unsaved-edit').getByText('something better of mine').waitFor()
  })

  it('of which nothing is left offers to delete the message, and takes nothing when that is refused', async () => {
    await edit('another one')
    await editor().fill('')
    await editor().press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    expect(await said('another one').or(editor()).count()).toBeGreaterThan(0)
    await editor().press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await editor().waitFor({ state: 'detached' })
    await page.getByTestId('message-list').getByText('Message deleted').waitFor()
    expect(await said('another one').count()).toBe(0)
  })
})

describe('UI-64 who listens', () => {
  it('hears what others say while something of his own is not sent, and all of it', async () => {
    const id = await converse('listening')
    await open('listening')
    await page.route('**/messages', (route) => route.abort())
    await field().fill('still on its way')
    await field().press('Enter')
    await said('still on its way').waitFor()
    const say = (text: string) => {
      const body = { clientKey: `heard-${text.replaceAll(' ', '-')}`, text }
      return callFrom(dana, 'POST', `/api/messaging/conversations/${id}/messages`, body)
    }
    const heard = page.evaluate(async () => {
      const region = document.querySelector('[data-testid="announcer-polite"]')
      const all: string[] = []
      return new Promise<string>((resolve) => {
        new MutationObserver(() => {
          all.push(region?.textContent ?? '')
          if (/one.*two.*three/.test(all.join(' '))) resolve(all.join(' '))
        }).observe(region as Node, { childList: true, characterData: true, subtree: true })
      })
    })
    for (const text of ['number one', 'number two', 'number three']) await say(text)
    expect(await heard).toMatch(/number one.*number two.*number three/)
    await page.unroute('**/messages')
    await listen()
    for (let count = 0; count < 12; count += 1) await say(`of many ${count}`)
    await expect.poll(spoken).toContain('12 new messages')
    expect(await spoken()).not.toContain('of many')
    await said('still on its way')
      .and(page.locator('[data-status="sent"], [data-status="delivered"], [data-status="read"]'))
      .waitFor()
  })
})
