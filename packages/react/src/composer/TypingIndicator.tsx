import { useTyping } from './use-typing.ts'

/** Who is writing, in a slot of its own height, so that nothing shifts. */
export function TypingIndicator({ conversationId }: { readonly conversationId: string }) {
  const sentence = useTyping(conversationId)
  return (
    <div className="parley-typing" data-testid="typing-indicator">
      {sentence !== '' && (
        <>
          <span className="parley-typing-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span>{sentence}</span>
        </>
      )}
    </div>
  )
}
