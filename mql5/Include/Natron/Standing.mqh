// Where this client stands: the bridge's session, and the last number held in it.
#define STANDING_LEFT_MAX 64

enum ENUM_VERDICT { VERDICT_NEXT, VERDICT_OLD, VERDICT_GAP, VERDICT_NEW_SESSION };

class CStanding
  {
private:
   string            m_session;
   long              m_seq;
   string            m_left[STANDING_LEFT_MAX];
   int               m_left_count;

   bool              WasLeft(const string session) const
     {
      for(int at=0; at<STANDING_LEFT_MAX && at<m_left_count; at++)
         if(m_left[at]==session)
            return(true);
      return(false);
     }

public:
                     CStanding(void) { Reset(); }
   void              Reset(void)
     {
      m_session="0";
      m_seq=0;
      m_left_count=0;
     }
   string            Session(void) const { return(m_session); }
   long              Seq(void) const { return(m_seq); }
   ENUM_VERDICT      Judge(const string session,const long seq) const
     {
      if(session!=m_session)
         return(WasLeft(session) ? VERDICT_OLD : VERDICT_NEW_SESSION);
      if(seq==m_seq+1)
         return(VERDICT_NEXT);
      return(seq<=m_seq ? VERDICT_OLD : VERDICT_GAP);
     }
   //--- goes over to a session; false for one that was left
   bool              Enter(const string session)
     {
      if(WasLeft(session))
         return(false);
      if(session!=m_session)
        {
         m_left[m_left_count%STANDING_LEFT_MAX]=m_session;
         m_left_count++;
         m_session=session;
         m_seq=0;
        }
      return(true);
     }
   void              Move(const long seq)
     {
      if(seq>m_seq)
         m_seq=seq;
     }
  };
