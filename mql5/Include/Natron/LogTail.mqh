// Follows the EA's log while the EA writes it.
#include "LogRecord.mqh"

class CLogTail
  {
private:
   string            m_name;
   ulong             m_at;     // read up to here
   string            m_lines[];
   int               m_count;
   int               m_next;

public:
                     CLogTail(void) { m_at=0; m_count=0; m_next=0; }
   void              Open(const string name)
     {
      m_name=name;
      m_at=0;
      m_count=0;
      m_next=0;
     }
   //--- from the beginning again
   void              Rewind(void) { Open(m_name); }
   //--- reads what was added; a file that became shorter is another one
   void              Poll(void)
     {
      int file=FileOpen(m_name,FILE_READ|FILE_TXT|FILE_ANSI|FILE_SHARE_READ|FILE_SHARE_WRITE);
      if(file==INVALID_HANDLE)
         return;
      if(FileSize(file)<m_at)
         m_at=0;
      FileSeek(file,(long)m_at,SEEK_SET);
      m_count=0;
      m_next=0;
      while(!FileIsEnding(file))
        {
         if(m_count==ArraySize(m_lines))
            ArrayResize(m_lines,m_count+1,1024);
         m_lines[m_count]=FileReadString(file);
         m_count++;
        }
      m_at=FileSize(file);
      FileClose(file);
     }
   bool              Next(SLogRecord &record)
     {
      while(m_next<m_count)
        {
         m_next++;
         if(CLogRecord::Read(m_lines[m_next-1],record))
            return(true);
        }
      return(false);
     }
  };
